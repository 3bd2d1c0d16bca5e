#!/bin/sh
# Makes what is committed under tests/vectors, and the Unicode tables, again from the reference
# implementations, in a Python environment of their own (build/venv, or $ASSAY_VENV).
set -eu
cd "$(dirname -- "$0")/.."
python=$(tools/make_venv.sh | tail -n 1)
for script in make_unicode_tables make_tokenizer_vectors make_op_vectors make_model_vectors \
    make_torch_vectors make_metric_vectors make_decision_vectors make_calibration_vectors \
    make_training_vectors make_clean_tables make_data_vectors; do
    if [ ! -f "tools/$script.py" ]; then continue; fi
    echo "$script"
    "$python" "tools/$script.py"
done
