#!/usr/bin/env bash
# Answers the quickstart with an installed clr_study, in a folder that holds nothing: its studies, pages, templates
# and migrations have to come out of the wheel. Takes the folder of the environment's programs.
set -euo pipefail
PATH="$1:$PATH"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

clr-study list studies >said
grep -q quickstart said
clr-study new mine --data synthetic --epochs 1
clr-study check mine.toml
clr-study run quickstart --devices cpu
test -s results/quickstart/report.html
test -s results/quickstart/results.json
clr-study report quickstart --page search --out again
test -s again/report.html
clr-study best quickstart --as torch >said
grep -q LambdaLR said
clr-study export quickstart
test -s results/quickstart/tables/runs.csv
clr-study doctor
