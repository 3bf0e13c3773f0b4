"""A made-up CRM of a wholesaler's reps. No name, place or number here is anybody's: made from word
lists with a fixed seed, so that every run shows the same."""

import random

SEED = 20_000
ACCOUNTS = 120
ORDERS = 200

FIRST = ["Ada", "Ben", "Clara", "Dev", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kira",
         "Liam", "Mona", "Nils", "Oda", "Pavel", "Rosa", "Sven", "Tilda", "Yara"]
LAST = ["Ash", "Birch", "Cedar", "Dale", "Elm", "Fern", "Grove", "Heath", "Ivers", "Juniper",
        "Knoll", "Larch", "Marsh", "Nettle", "Oak", "Pine", "Quill", "Reed", "Sorrel", "Thorn"]
KINDS = ["Foods", "Market", "Kitchen", "Deli", "Stores", "Bistro", "Catering", "Bakery"]
PLACES = ["Harbour", "Hill", "River", "Station", "Garden", "Castle", "Bridge", "Mill", "Abbey",
          "Forest", "Lake", "Meadow", "Old Town", "Park", "Tower"]
TITLES = ["Buyer", "Owner", "Store Manager", "Chef", "Assistant"]
GOODS = ["Apple Juice", "Barley Flour", "Cider Vinegar", "Dried Figs", "Elderflower Syrup",
         "Fennel Tea", "Ginger Beer", "Hazelnut Spread", "Iced Coffee", "Jasmine Rice"]


def collections():
    """(collection, key, rows) in the order in which they must be imported."""
    dice = random.Random(SEED)
    products = [{"sku": f"SKU-{n:03}", "name": name, "unit": "case", "active": True}
                for n, name in enumerate(GOODS, 1)]
    accounts = [{"id": record_id(1, n), "type": "customer",
                 "name": account_name(n, dice), "status": "active",
                 "owner": "ann" if n % 2 else "bob",
                 "territory": "harbour" if n % 2 else "hills",
                 "team": ["bob"] if n == 1 else []} for n in range(1, ACCOUNTS + 1)]
    contacts = [{"id": record_id(2, n), "account": account["id"],
                 "name": {"given": dice.choice(FIRST), "family": dice.choice(LAST)},
                 "jobTitle": "Head of Purchasing" if n == 1 else dice.choice(TITLES)}
                for n, account in enumerate(accounts, 1)]
    orders, lines = [], []
    for n in range(1, ORDERS + 1):
        account = accounts[0] if n == 1 else dice.choice(accounts)
        orders.append({"id": record_id(3, n), "account": account["id"], "number": f"O{n:05}",
                       "currency": "EUR", "owner": account["owner"]})
        lines.append({"id": record_id(4, n), "order": record_id(3, n),
                      "quantity": 24 if n == 1 else dice.randrange(1, 24),
                      "unitPrice": {"minor": dice.randrange(90, 4000), "currency": "EUR"}})
    return [("products", "sku", products), ("accounts", "id", accounts),
            ("contacts", "id", contacts), ("orders", "id", orders), ("orderLines", "id", lines)]


def account_name(n, dice):
    return "Harbour Foods" if n == 1 else f"{dice.choice(PLACES)} {dice.choice(KINDS)} {n}"


def record_id(kind, n):
    """An id in UUIDv7's form, the same in every run."""
    return f"01800000-{kind:04x}-7000-8000-{n:012x}"
