"""Scenarios: what they declare, the values they run with, and where they are found."""

from ._callbacks import Callback as Callback
from ._callbacks import Callbacks as Callbacks
from ._callbacks import callbacks as callbacks
from ._callbacks import refuse_coroutine as refuse_coroutine
from ._declarations import RESERVED as RESERVED
from ._declarations import is_secret as is_secret
from ._declarations import masked as masked
from ._declarations import settings_of as settings_of
from ._declarations import variable_of as variable_of
from ._describe import describe as describe
from ._description import Description as Description
from ._description import Descriptions as Descriptions
from ._description import Setting as Setting
from ._description import SourceText as SourceText
from ._environment import EnvironmentWarning as EnvironmentWarning
from ._environment import parse_settings as parse_settings
from ._environment import read_text as read_text
from ._files import files_of as files_of
from ._files import keep_files as keep_files
from ._find import find as find
from ._find import is_from_file as is_from_file
from ._find import scenarios_in as scenarios_in
from ._insides import put_values as put_values
from ._mix import Mix as Mix
from ._mix import mix as mix
from ._rate import read_rate as read_rate
from ._read import read_file as read_file
from ._resolve import Resolved as Resolved
from ._resolve import build as build
from ._resolve import localize as localize
from ._resolve import refuse_unknown as refuse_unknown
from ._resolve import resolve as resolve
from ._scenario import Scenario as Scenario
from ._secrets import Secrets as Secrets
from ._update import Update as Update
from ._update import plan_update as plan_update

__all__ = [
    "RESERVED",
    "Callback",
    "Callbacks",
    "Description",
    "Descriptions",
    "EnvironmentWarning",
    "Mix",
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
