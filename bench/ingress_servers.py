"""The servers that bench/ingress.py loads.

``python -m bench.ingress_servers NAME FOLDER CORE`` serves one of them, with the same settings of
uvicorn for all: its plain event loop and parser, whatever else is installed.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
import uvicorn
import yaml
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import Connection, insert
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.ingress import ORDERS, SIGNING_SECRET, TOTP_SECRET
from bot import shipped
from bot.commands import Commands
from bot.interactions import Interactions
from bot.messages import Messages
from bot.notifier import Notifier
from bot.services import Services
from bot.slack.app import SlackApp
from bot.slack.chat import CHAT, SlackChat
from connectors.base import Account
from connectors.money import Money
from sandbox.slack import AppConfig, Channel, User, Workspace
from workflows import orders
from workflows.clock import system_clock
from workflows.company import Company, OwnAccount, Permissions
from workflows.database import SqliteDatabase
from workflows.dispatch import Dispatcher
from workflows.orders import Order
from workflows.people import Directory, Person
from workflows.policy import Facts, PayeeStanding, Policy, Rates
from workflows.second_factor import Cipher
from workflows.statements import Collector
from workflows.tables import audit_entry, chat_identity, payment_order, second_factor

POLICY = """
version: 1
rules:
  - name: Every payment
    require: [{ role: controller }]
  - name: From 1 000 up
    when: { amount: { from: 1000 } }
    require: [{ role: controller }, { role: cfo }]
  - name: New payees
    when: { payee: new }
    require: [{ role: cfo }]
"""
AMOUNTS = 1_000
"""Amounts repeat: in life the card and the form have written a payment's amount before."""

EUR, PAYEE = "DE89370400440532013000", "DE75512108001245126199"


def bare(folder: Path, *, is_fast: bool) -> Starlette:
    """Return a bare AsyncApp whose one handler makes one durable commit and acknowledges."""
    database = sqlite3.connect(folder / f"bare-{is_fast}.sqlite", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"pragma {pragma}")
    database.execute("create table click (id integer primary key, body text)")

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id, bot_token="xoxb-x", bot_id="B1"
        )

    app = AsyncApp(
        signing_secret=SIGNING_SECRET, authorize=authorize, process_before_response=is_fast
    )

    @app.view_submission("approve")
    async def approve(ack: Callable[..., Awaitable[Any]], body: dict[str, Any]) -> None:
        database.execute("insert into click (body) values (?)", (json.dumps(body["view"]["id"]),))
        await ack()

    handler = AsyncSlackRequestHandler(app)

    async def endpoint(request: Request) -> Response:
        return await handler.handle(request)

    return Starlette(routes=[Route("/slack/events", endpoint, methods=["POST"])])


def company(count: int = ORDERS) -> Company:
    """Return a company with so many controllers: as many as there are orders to approve."""
    people = [Person("asker", "Asker", "asker@x.test", frozenset({"staff"}))]
    people.append(Person("boss", "Boss", "boss@x.test", frozenset({"cfo"})))
    people += [
        Person(f"p{n}", f"Person {n}", f"p{n}@x.test", frozenset({"controller"}))
        for n in range(count)
    ]
    account = Account("operating", EUR, "EUR", "Bench GmbH")
    own = OwnAccount(account, "Operating", "bank", frozenset({"cfo"}))
    roles = {"staff", "cfo", "controller"}
    return Company(
        name="Bench GmbH",
        base_currency="EUR",
        timezone=ZoneInfo("UTC"),
        language="en",
        directory=Directory(people),
        accounts={"operating": own},
        policy=Policy.parse(POLICY, base_currency="EUR", roles=roles, accounts=["operating"]),
        rates=Rates("EUR", {}),
        permissions=Permissions(frozenset({"staff"}), frozenset({"cfo"}), frozenset({"cfo"})),
    )


def seed(
    connection: Connection, company_: Company, cipher: Cipher, count: int = ORDERS
) -> list[str]:
    """Store orders, factors and identities; return each order's approval token."""
    now = datetime.now(UTC)
    numbers = range(count)
    found = [_order(company_, number, now) for number in numbers]
    connection.execute(insert(payment_order), [vars(order) for order in found])
    connection.execute(
        insert(second_factor),
        [
            {
                "person_id": f"p{n}",
                "secret": cipher.encrypt(TOTP_SECRET, f"p{n}"),
                "last_step": 0,
                "failures": 0,
                "enrolled_at": now,
            }
            for n in numbers
        ],
    )
    connection.execute(
        insert(chat_identity),
        [
            {"chat": CHAT, "external_id": f"U{n:07}", "person_id": f"p{n}", "linked_at": now}
            for n in numbers
        ],
    )
    assert connection.execute(audit_entry.select()).first() is None
    return [f"{order.id}:{order.version}:{order.digest}" for order in found]


def _order(company_: Company, number: int, now: datetime) -> Order:
    verdict = company_.policy.evaluate(
        Facts(
            amount=Money(125_000 + number % AMOUNTS, "EUR"),
            account="operating",
            payee=PayeeStanding.NEW,
            requester_roles=frozenset({"staff"}),
        ),
        company_.rates,
    )
    order_id = orders.new_id()
    values: dict[str, Any] = {
        "id": order_id,
        "version": 1,
        "revision": 1,
        "state": "pending",
        "digest": "",
        "request_key": f"bench:{number}",
        "requester_id": "asker",
        "account_id": "operating",
        "debtor_iban": EUR,
        "connector": "bank",
        "payee_id": None,
        "creditor_name": "ACME GmbH",
        "creditor_iban": PAYEE,
        "creditor_bic": None,
        "creditor_country": "DE",
        "amount_minor": 125_000 + number % AMOUNTS,
        "currency": "EUR",
        "remittance": f"INV-{number}",
        "execution_date": None,
        "end_to_end_id": orders.end_to_end_id(order_id),
        "verdict": verdict.to_json(),
        "risks": "[]",
        "attachments": "[]",
        "origin_channel": None,
        "reason_code": None,
        "reason_text": None,
        "created_at": now,
        "expires_at": now + timedelta(days=3),
        "updated_at": now,
        "kind": "single",
        "versioned_at": now,
        "release_after": None,
    }
    digest = orders.digest_of(Order(**values))
    return Order(**{**values, "digest": digest})


async def countersign(folder: Path) -> Starlette:
    """Return the real click path: Slack app, interactions, approvals, record, database."""
    company_ = company()
    cipher = Cipher(b"k" * 32)
    database = SqliteDatabase(folder / "countersign.sqlite")
    await database.open()
    tokens = await database.write(lambda connection: seed(connection, company_, cipher))
    (folder / "countersign.tokens").write_text("\n".join(tokens))
    workspace = Workspace(
        "Bench",
        users=[User("U1", "x", "X")],
        channels=[Channel("C1", "x")],
        app=AppConfig(
            yaml.safe_load(shipped.text(shipped.MANIFEST)),
            "xoxb-x",
            "xapp-x",
            SIGNING_SECRET,
            mode="http",
        ),
    )
    await workspace.start()
    client = AsyncWebClient("xoxb-x", base_url=workspace.api_url)
    services = Services(
        database=database,
        company=company_,
        connectors={},
        collector=Collector(database, company_, {}, system_clock),
        dispatcher=Dispatcher(database, company_, {}, system_clock),
        cipher=cipher,
        messages=Messages.load(),
        clock=system_clock,
        public_url=lambda: "",
    )
    chat = SlackChat(client, database, company_.directory, system_clock)
    commands = Commands(services)
    slack = SlackApp(
        services,
        commands,
        Interactions(services, commands),
        Notifier(services, chat, None),
        chat,
        client=client,
        signing_secret=SIGNING_SECRET,
    )
    await slack.start()
    for number in range(ORDERS):  # who submits a form has clicked to open it: they are known
        await chat.person(f"U{number:07}")
    return Starlette(routes=slack.routes())


async def serve(name: str, folder: Path) -> None:
    """Serve one of them until terminated; say on which port."""
    app = (
        await countersign(folder) if name == "countersign" else bare(folder, is_fast=name == "fast")
    )
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        loop="asyncio",
        http="h11",
        log_level="error",
        access_log=False,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    gc.collect()
    gc.freeze()  # a company of so many people is the benchmark's, not the service's
    print(f"port {port}", flush=True)
    await server.main_loop()


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[3])})
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
