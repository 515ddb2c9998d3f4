"""A bank that speaks Berlin Group NextGenPSD2, for tests and the demo."""

from sandbox.bank.bank import Bank, Received
from sandbox.bank.books import Account, Entry, Executed
from sandbox.bank.faults import Fault, Faults
from sandbox.bank.rules import NoFunds, Phone, Sca
from sandbox.bank.server import Serving, serve

__all__ = [
    "Account",
    "Bank",
    "Entry",
    "Executed",
    "Fault",
    "Faults",
    "NoFunds",
    "Phone",
    "Received",
    "Sca",
    "Serving",
    "serve",
]
