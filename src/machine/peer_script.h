/* tools/peer_bench.py, word by word; the build makes the array. */
#ifndef ASSAY_MACHINE_PEER_SCRIPT_H
#define ASSAY_MACHINE_PEER_SCRIPT_H

extern const char peer_script[];

#endif
