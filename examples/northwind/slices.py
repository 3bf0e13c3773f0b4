"""Who may hold what of Northwind, read from its CSV files alone: names of records by user.

An account is its owner's and its territory's; what hangs on it goes with it. Products, users and
territories are everybody's, and managers hold everything."""

import json

import prepare

SHARED = ("products", "territories", "users")


class Slices:
    """Changes as the office changes owners."""

    def __init__(self, data):
        self.users = {row["Name"]: set(json.loads(row["Territories"]))
                      for row in prepare.users(data)}
        self.managers = {row["Name"] for row in prepare.users(data)
                         if "Manager" in row["Title"] or "President" in row["Title"]}
        self.holders = {}  # customer -> (owner, territory)
        self.teams = {}    # customer -> who else
        for row in prepare.owners(data):
            self.holders[row["CustomerID"]] = (row["Owner"], row["Territory"])
        self.names = {"": set()}  # customer -> what hangs on it; "": what is everybody's
        self._read(data)

    def _read(self, data):
        for file, key, collection in (("products", "ProductID", "products"),
                                      ("territories", "TerritoryID", "territories"),
                                      ("employees", "EmployeeID", "users")):
            for _, row in prepare.read(data / f"{file}.csv"):
                self.add("", f"@{collection}/{row[key]}")
        for _, row in prepare.read(data / "customers.csv"):
            customer = row["CustomerID"]
            self.add(customer, f"@accounts/{customer}")
            self.add(customer, f"@contacts/{customer}")
            for kind in ("Phone", "Fax"):
                if row[kind]:
                    self.add(customer, f"@contactPoints/{customer}-{kind.lower()}")
        of_order = {}
        for _, row in prepare.read(data / "orders.csv"):
            of_order[row["OrderID"]] = row["CustomerID"]
            self.add(row["CustomerID"], f"@orders/{row['OrderID']}")
        for _, row in prepare.read(data / "order_details.csv"):
            self.add(of_order[row["OrderID"]],
                     f"@orderLines/{row['OrderID']}-{row['ProductID']}")

    def add(self, customer, name):
        self.names.setdefault(customer, set()).add(name)

    def held_by(self, user):
        if user in self.managers:
            return set().union(*self.names.values())
        held = set(self.names[""])
        for customer, (owner, territory) in self.holders.items():
            if (owner == user or territory in self.users[user]
                    or user in self.teams.get(customer, ())):
                held |= self.names[customer]
        return held
