# The commands of this house. Each is a few words around CMake presets (CMakePresets.json) and the
# scripts of tools/; `make` leaves build/assay.
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: all debug sanitize coverage check bench bench-ops bench-products vectors fuzz install uninstall deb docs demo clean format lint \
	layers setup packages help

all: packages build/build.ninja
	@cmake --build build -j $(JOBS)

# Says what it installs; silent when nothing is missing.
packages:
	@tools/install_packages.sh build

build/build.ninja:
	@cmake --preset release

debug sanitize: packages
	@cmake --preset $@ && cmake --build --preset $@ -j $(JOBS)

coverage: packages
	@tools/install_packages.sh check
	@tools/coverage.sh $(JOBS)

check:
	@tools/install_packages.sh build check
	@tools/check.sh $(JOBS)

# make bench WORK="product minilm-embed" FLAGS="--threads 1"
bench: all
	@build/assay bench $(WORK) $(FLAGS)

# Each op and kernel by itself.
bench-ops: all
	@cmake --build build --target bench_ops
	@$$(find build -maxdepth 2 -name bench_ops -type f | head -n 1)

# Products beside oneDNN's and OpenBLAS's, where these are installed.
# make bench-products FLAGS="--threads 1"
bench-products: all
	@cmake --build build --target bench_products
	@$$(find build -maxdepth 2 -name bench_products -type f | head -n 1) $(FLAGS)

# Makes the files under tests/vectors and the Unicode tables again, from the reference's own Python
# packages (in a virtual environment of their own).
vectors:
	@tools/make_vectors.sh

fuzz:
	@tools/install_packages.sh build check
	@tools/fuzz.sh $(FUZZ_SECONDS) $(JOBS)

# Binary, libraries, headers, assay.pc, man pages, completions, documents, examples.
install: all
	@tools/install.sh build "$(PREFIX)" "$(DESTDIR)"

# What install leaves, with the same PREFIX and DESTDIR.
uninstall: all
	@tools/uninstall.sh build "$(PREFIX)" "$(DESTDIR)"

# Debian packages under build/deb.
deb: all
	@tools/install_packages.sh deb
	@tools/make_deb.sh build build/deb

# The pages of docs/verbs are what --help says.
docs: all
	@tools/make_verb_pages.sh build/assay docs/verbs

demo: all
	@tools/install_packages.sh demo
	@tools/demo.sh build/assay build/demo

clean:
	rm -rf build build-debug build-sanitize build-coverage build-fuzz

format:
	@tools/install_packages.sh check
	@tools/list_sources.sh c | xargs clang-format -i

lint: all
	@tools/install_packages.sh lint
	@tools/list_sources.sh c | grep '\.c$$' | grep -v '^fuzz/' | \
		xargs -P $(JOBS) -n 4 clang-tidy -p build --quiet

layers:
	@tools/check_layers.sh

# All packages at once, for those who like to know beforehand.
setup:
	@tools/install_packages.sh build check demo lint

help:
	@echo "make            build/assay"
	@echo "make check      everything that must hold; the last line counts it"
	@echo "make demo       a real model, pulled and used"
	@echo "make bench      WORK=... how fast it is here"
	@echo "make bench-ops bench-products    ops by themselves; products beside other libraries"
	@echo "make fuzz       FUZZ_SECONDS=60 a target"
	@echo "make vectors    test vectors again, from the reference (Python)"
	@echo "make docs       docs/verbs from --help"
	@echo "make install uninstall    PREFIX=/usr/local DESTDIR="
	@echo "make deb        Debian packages under build/deb"
	@echo "make setup      the Debian packages of all of this"
	@echo "make debug sanitize coverage format lint layers clean"
