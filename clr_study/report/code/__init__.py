"""Code to paste: the winning schedule in the words of the framework that trains with it."""

from clr_study.report.code.forms import FORMS, code
from clr_study.report.code.toml import toml_table, toml_value
from clr_study.report.code.winner import Winner, winner_of

__all__ = ["FORMS", "Winner", "code", "toml_table", "toml_value", "winner_of"]
