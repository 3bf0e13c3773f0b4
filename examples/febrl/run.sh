#!/bin/sh
# Imports 5,000 persons twice and checks some of them by hand. See febrl.py.
exec python3 -B "$(dirname "$0")/febrl.py" "$@"
