"""What the import's mapping cannot say by itself: names taken apart, rows counted, tables joined.
Each derived row carries in `Source` where in the data it comes from."""

import collections
import csv
import json


def read(path):
    """(line, row) of a CSV file; a row may span lines."""
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        line = reader.line_num + 1
        for cells in reader:
            yield line, dict(zip(header, cells))
            line = reader.line_num + 1


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def user_names(data):
    return {row["EmployeeID"]: row["FirstName"].lower() for _, row in read(data / "employees.csv")}


def users(data):
    territories = collections.defaultdict(list)
    for _, row in read(data / "employeeterritories.csv"):
        territories[row["EmployeeID"]].append(row["TerritoryID"])
    return [{"EmployeeID": row["EmployeeID"], "Name": row["FirstName"].lower(),
             "Title": row["Title"],
             "Territories": json.dumps(sorted(territories[row["EmployeeID"]])),
             "Source": f"employees.csv:{line}"}
            for line, row in read(data / "employees.csv")]


def owners(data):
    """Whoever took most of a customer's orders; of several, the one who took the latest. The data
    does not say in which territory a customer is: those of an owner are dealt out over his own."""
    names = user_names(data)
    territories = {user["Name"]: json.loads(user["Territories"]) for user in users(data)}
    dealt = collections.Counter()
    taken = collections.defaultdict(lambda: collections.defaultdict(list))
    for _, row in read(data / "orders.csv"):
        taken[row["CustomerID"]][row["EmployeeID"]].append((row["OrderDate"], row["OrderID"]))
    rows = []
    for line, row in read(data / "customers.csv"):
        by = taken.get(row["CustomerID"])
        if by:
            owner = max(by, key=lambda employee: (len(by[employee]), max(by[employee])))
            name = names[owner]
            among = territories[name]
            rows.append({"CustomerID": row["CustomerID"], "Owner": name,
                         "Territory": among[dealt[name] % len(among)],
                         "Source": f"customers.csv:{line}"})
            dealt[name] += 1
    return rows


def contacts(data):
    rows = []
    for line, row in read(data / "customers.csv"):
        given, _, family = row["ContactName"].rpartition(" ")
        rows.append({"CustomerID": row["CustomerID"], "Given": given, "Family": family,
                     "Title": row["ContactTitle"], "Source": f"customers.csv:{line}"})
    return rows


def contact_points(data):
    return [{"CustomerID": row["CustomerID"], "Kind": kind, "Value": row[column],
             "Source": f"customers.csv:{line}"}
            for line, row in read(data / "customers.csv")
            for kind, column in (("phone", "Phone"), ("fax", "Fax")) if row[column]]


def prepare(data, into):
    into.mkdir(parents=True, exist_ok=True)
    write(into / "users.csv", users(data))
    write(into / "owners.csv", owners(data))
    write(into / "contacts.csv", contacts(data))
    write(into / "contactPoints.csv", contact_points(data))
