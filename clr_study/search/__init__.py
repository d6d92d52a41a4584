"""Running a study: ask, pack, prune, tell, measure."""

from clr_study.search.run import Where, run_range_test, run_study, write_everything

__all__ = ["Where", "run_range_test", "run_study", "write_everything"]
