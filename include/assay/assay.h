/* Everything that programs use of assay. */
#ifndef ASSAY_ASSAY_H
#define ASSAY_ASSAY_H

#include "assay/attack.h"
#include "assay/bench.h"
#include "assay/cleaning.h"
#include "assay/data.h"
#include "assay/data_make.h"
#include "assay/detect.h"
#include "assay/eval.h"
#include "assay/machine.h"
#include "assay/model.h"
#include "assay/parity.h"
#include "assay/pull.h"
#include "assay/rows.h"
#include "assay/status.h"
#include "assay/tokenizer.h"
#include "assay/train.h"
#include "assay/version.h"

#endif
