#!/usr/bin/env bash
# Goes on training the starter weights, then times them.
#
#   lab/gpu_session.sh OUT [MINUTES]    on a GPU, 6 minutes unless given; again: goes on in OUT
#   lab/gpu_session.sh OUT --smoke      one step on a CPU, to see that it runs
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
out=${1:?folder for weights and logs} minutes=${2:-6}
export PYTHONPATH="$repository/MedSAM2Slicer/Logic:$repository/lab"
lab() { "${PYTHON:-python3}" -m medsam2_lab.cli "$@"; }

mkdir -p "$out"
limit=(--minutes "$minutes" --until 1000000 --workers "${WORKERS:-8}")
if [ "$minutes" = --smoke ]; then
  limit=(--until 11531 --workers 0)
fi
lab train-starter "$out/run" --weights "$repository/MedSAM2Slicer/Resources/weights/starter.safetensors" \
  "${limit[@]}" 2>&1 | tee -a "$out/training.log"
[ "$(wc -c <"$out/run/starter.safetensors")" -le $((16 * 1024 * 1024)) ]
lab device-speed --weights "$out/run/starter.safetensors" 2>&1 | tee -a "$out/speed.log"
