"""A company's settings: get them with `load`."""

from bot.settings.company import charter_of, company_of
from bot.settings.file import Problem, SettingsErrors
from bot.settings.loading import load
from bot.settings.model import Settings

__all__ = ["Problem", "Settings", "SettingsErrors", "charter_of", "company_of", "load"]
