"""The record and its proofs: checkpoints, a witness, and whether the tables say what it says.

`workflows.audit` writes the record. Here it is made provable:

- `checkpoints`: what the record was at a moment, signed.
- `witness`: those checkpoints outside the database, so that an older copy of it is noticed.
- `keeper`: makes checkpoints while the service runs.
- `verification`: chain, checkpoints, witness, published heads, and the tables, in one pass each.
- `replay` and `comparison`: what every row must be, by its entries.
- `merkle`, `tree` and `proofs`: that entries are in the record, shown without the rest of it.
- `export`: the record, or all there is about one order, for those who do not have the database.
"""
