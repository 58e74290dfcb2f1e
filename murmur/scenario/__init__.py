"""Scenarios: what they declare, the values they run with, and where they are found."""

from ._callbacks import Callback, Callbacks, callbacks, refuse_coroutine
from ._declarations import RESERVED, is_secret, masked, settings_of, variable_of
from ._describe import describe
from ._description import Description, Descriptions, Setting, SourceText
from ._environment import EnvironmentWarning, parse_settings, read_text
from ._files import files_of, keep_files
from ._find import find, is_from_file, scenarios_in
from ._insides import put_values
from ._mix import Mix, mix
from ._rate import NUMBER, read_rate
from ._read import read_file
from ._resolve import Resolved, build, localize, refuse_unknown, resolve
from ._scenario import Scenario
from ._secrets import PublicNames, Secrets
from ._update import Update, plan_update

__all__ = [
    "NUMBER",
    "RESERVED",
    "Callback",
    "Callbacks",
    "Description",
    "Descriptions",
    "EnvironmentWarning",
    "Mix",
    "PublicNames",
    "Resolved",
    "Scenario",
    "Secrets",
    "Setting",
    "SourceText",
    "Update",
    "build",
    "callbacks",
    "describe",
    "files_of",
    "find",
    "is_from_file",
    "is_secret",
    "keep_files",
    "localize",
    "masked",
    "mix",
    "parse_settings",
    "plan_update",
    "put_values",
    "read_file",
    "read_rate",
    "read_text",
    "refuse_coroutine",
    "refuse_unknown",
    "resolve",
    "scenarios_in",
    "settings_of",
    "variable_of",
]
