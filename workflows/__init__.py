"""What must hold about money: orders, policy, approvals, dispatch, reconciliation, the record."""
