from clr_study.analysis.cost import Cost, ledger


def test_every_run_counts_by_arm_phase_and_ending(made):
    runs = [
        made.run("range test", 1, [0.1, 0.2], phase="range_test"),
        made.run("clr", 1, [0.5] * 4),
        made.run("fixed", 1, [0.5] * 4),
        made.run("fixed", 2, [0.5] * 4),
        made.run("fixed", 3, [0.5, 0.6], ending="diverged"),
        made.run("fixed", 4, [], ending="failed"),
        made.run("fixed", 9, [0.5], phase="search", ending="pruned"),
        made.run("fixed", 10, [0.5], phase="search", ending=None),
    ]
    assert ledger(made.results(runs)) == (
        Cost("fixed", "search", "pruned", runs=1, updates=10, seconds=0.5),
        Cost("fixed", "search", "unfinished", runs=1, updates=10, seconds=0.5),
        Cost("fixed", "measure", "completed", runs=2, updates=80, seconds=4.0),
        Cost("fixed", "measure", "diverged", runs=1, updates=20, seconds=1.0),
        Cost("fixed", "measure", "failed", runs=1, updates=0, seconds=0.0),
        Cost("clr", "measure", "completed", runs=1, updates=40, seconds=2.0),
        Cost("range test", "range_test", "completed", runs=1, updates=20, seconds=1.0),
    )


def test_nothing_costs_nothing(made):
    assert ledger(made.results([])) == ()
