#!/bin/sh
# Imports Northwind, edits it offline on three devices, checks every copy. See northwind.py.
exec python3 -B "$(dirname "$0")/northwind.py" "$@"
