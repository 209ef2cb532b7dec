"""The wire contract, version 1: what gateways, consumers and rules say to one another.

Pure: no I/O, no clock. Everything may import this package; it imports only pydantic.
`docs/wire-contract.md` is the prose; `wire/schema/` the JSON Schema made from these models.
"""
