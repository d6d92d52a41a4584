"""The report: figures, the page, `results.json` and the terminal's table. The only door to Plotly and Jinja."""

from clr_study.report.document import results_document, write_results
from clr_study.report.evidence import read_evidence, strongest, write_evidence
from clr_study.report.export import export_tables, write_export
from clr_study.report.figure import Absent, Figure
from clr_study.report.figures import FIGURES
from clr_study.report.gallery import write_schedules
from clr_study.report.images import write_images
from clr_study.report.joint import JOINT_FIGURES
from clr_study.report.notebook import figure, frame, frames, range_test_figure
from clr_study.report.page import report_html, write_everything, write_report
from clr_study.report.pages import Page, Section, load_page
from clr_study.report.paper import load_paper_page, paper_html, write_paper
from clr_study.report.pushed import pushed_figures
from clr_study.report.studies import studies_html, write_studies_report
from clr_study.report.table import Table, plain
from clr_study.report.terminal import snippet, summary_rows
from clr_study.report.theme import DARK, LIGHT, Theme

__all__ = [
    "DARK",
    "FIGURES",
    "JOINT_FIGURES",
    "LIGHT",
    "Absent",
    "Figure",
    "Page",
    "Section",
    "Table",
    "Theme",
    "export_tables",
    "figure",
    "frame",
    "frames",
    "load_page",
    "load_paper_page",
    "paper_html",
    "plain",
    "pushed_figures",
    "range_test_figure",
    "read_evidence",
    "report_html",
    "results_document",
    "snippet",
    "strongest",
    "studies_html",
    "summary_rows",
    "write_everything",
    "write_evidence",
    "write_export",
    "write_images",
    "write_paper",
    "write_report",
    "write_results",
    "write_schedules",
    "write_studies_report",
]
