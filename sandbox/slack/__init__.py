"""A Slack workspace that behaves as Slack documents, for tests and the demo."""

from sandbox.slack.deeds import Outcome
from sandbox.slack.model import (
    ApiError,
    AppConfig,
    Channel,
    File,
    FileToGive,
    Message,
    User,
    View,
)
from sandbox.slack.person import Person
from sandbox.slack.text import text_of
from sandbox.slack.web_api import Call
from sandbox.slack.workspace import Workspace

__all__ = [
    "ApiError",
    "AppConfig",
    "Call",
    "Channel",
    "File",
    "FileToGive",
    "Message",
    "Outcome",
    "Person",
    "User",
    "View",
    "Workspace",
    "text_of",
]
