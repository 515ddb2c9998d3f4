"""A company's settings: get them with `load`."""

from bot.settings.company import company_of
from bot.settings.file import Problem, SettingsErrors
from bot.settings.loading import load
from bot.settings.model import Settings

__all__ = ["Problem", "Settings", "SettingsErrors", "company_of", "load"]
