"""Names of things and places: EPC URNs, GS1 Digital Links, their canonical form, and patterns over them."""
