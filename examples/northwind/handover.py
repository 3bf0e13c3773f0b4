"""Two accounts change hands while both reps are on the road with unsent work on them.

Nancy's customer GROSR goes to margaret and margaret's BOLID to nancy, with contacts, orders and
lines. What handover.ndjson says was written by hand."""

import json
import pathlib

import names
import world

HERE = pathlib.Path(__file__).resolve().parent
TO_MARGARET = ("GROSR", "margaret", "27511")
TO_NANCY = ("BOLID", "nancy", "19713")


def edit_offline(nancy, margaret, ids, made):
    account, other = ids["@accounts/GROSR"], ids["@accounts/BOLID"]
    nancy.run("put", "accounts", account, "website=https://grosella.example")
    nancy.run("add", "accounts", account, "visitCount=1")
    nancy.run("put", "contacts", ids["@contacts/GROSR"], "jobTitle=Head of Purchasing")
    nancy.run("put", "orders", ids["@orders/10785"], "note=Call before delivery")
    nancy.run("put", "orderLines", ids["@orderLines/10785-10"], "quantity=12")
    order = nancy.put("orders", f"account={account}", "currency=USD", "poNumber=LATE-1")
    made[order] = "late"
    made[nancy.put("orderLines", f"order={order}", f"product={ids['@products/10']}",
                   "quantity=3")] = "late-10"
    margaret.run("put", "accounts", other, "website=https://bolido.example")
    margaret.run("add", "accounts", other, "visitCount=2")
    margaret.run("put", "orders", ids["@orders/10970"], "status=cancelled")


def move(server, ids, slices):
    """The office's two commits. Each moves an account and all that hangs on it."""
    for customer, owner, territory in (TO_MARGARET, TO_NANCY):
        server.ctl("record", "put", "accounts", ids[f"@accounts/{customer}"], f"owner={owner}",
                   f"territory={territory}")
        slices.holders[customer] = (owner, territory)


def compare(check, who, dump, made, wanted):
    expected = (HERE / "handover.ndjson").read_text(encoding="utf-8").splitlines()
    lines = names.named_lines(dump, made)
    there = [line for line in expected if of_customer(line) in wanted]
    for line in there:
        name = json.loads(line)["id"]
        if lines.get(name) != line:
            raise world.Failed(f"{who}: {name}\n  expected {line}\n  found    {lines.get(name)}")
    gone = [name for name in (json.loads(line)["id"] for line in expected
                              if of_customer(line) not in wanted) if name in lines]
    check(not gone, f"{who}: {len(there)} records of {', '.join(wanted)} are as written down, "
                    f"{len(expected) - len(there)} others are gone")


def of_customer(line):
    """Whose the record is: what margaret's account brought with it names BOLID or one of its."""
    return "BOLID" if any(mark in line for mark in ("BOLID", "10970", "10326")) else "GROSR"


def check_handover(check, northwind, homes, order, slices, ids):
    nancy, margaret = homes
    server, made = northwind.server, {}
    edit_offline(nancy, margaret, ids, made)
    slices.names["GROSR"] |= {"@orders/late", "@orderLines/late-10"}
    move(server, ids, slices)
    check(nancy.json("get", "accounts", ids["@accounts/GROSR"])["fields"]["owner"] == "nancy",
          "nancy does not know yet")
    for home in order + order:
        home.run("sync")
    compare(check, "the server", server.dump(), made, ("GROSR", "BOLID"))
    compare(check, "margaret", margaret.dump(), made, ("GROSR",))
    compare(check, "nancy", nancy.dump(), made, ("BOLID",))
    nancy.run("get", "accounts", ids["@accounts/GROSR"], expect=4)
    for name, home in (("nancy", nancy), ("margaret", margaret)):
        state = home.json("status")
        check(state["pending"] == 0 and state["rejected"] == 0,
              f"all that {name} had written was taken")
    return made
