# What people type; each target says what it does in `make help`.
# Everything that is fetched or written lies in .fer/, out/ and target/.

CARGO   ?= cargo
PROFILE := --release
# Features beside the default ones. FEATURES=--features=fer-trainer/flex also checks the
# trainer's gradients against Burn's, as CI does.
FEATURES ?=
# With analytics metadata where GStreamer has it. Looked for when it is needed, since `make
# setup` may install it.
has_analytics = $(shell pkg-config --exists 'gstreamer-analytics-1.0 >= $(1)' 2>/dev/null && echo yes)
ANALYTICS = $(if $(call has_analytics,1.26),analytics-1_26,$(if $(call has_analytics,1.24),analytics))
ALL_FEATURES = $(FEATURES) $(if $(ANALYTICS),--features=gst-plugin-fer/$(ANALYTICS))
# Always the whole workspace: Cargo chooses the features of dependencies by what is built
# together, so that building a part first would compile them twice.
BUILD   = $(CARGO) build $(PROFILE) --workspace $(ALL_FEATURES)
OUT     ?= out/demo
TARGET  := $(abspath $(or $(CARGO_TARGET_DIR),target))

# ONNX Runtime, where `make setup` could get it; the elements work without it.
ORT := $(CURDIR)/.fer/onnxruntime/libonnxruntime.so
# TensorRT for RTX, where `make test` could get it: its builder is tested without a card.
TENSORRT := $(CURDIR)/.fer/tensorrt
export FER_MEDIA_DIR ?= $(if $(wildcard .fer/media),$(CURDIR)/.fer/media)
RUN := env $(if $(ORT_DYLIB_PATH),,$$(test -e $(ORT) && echo ORT_DYLIB_PATH=$(ORT)))
RUN_TESTS := $(RUN) $(if $(FER_TENSORRT_LIB),,$$(test -d $(TENSORRT) && echo FER_TENSORRT_LIB=$(TENSORRT)))

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# Where `make install` puts the plugin: PREFIX where one is given, else the system for
# root, else the folder in the home that GStreamer reads.
PREFIX    ?=
LIBDIR    ?= $(or $(PREFIX),/usr)/$(shell pkg-config --variable=libdir gstreamer-1.0 2>/dev/null | sed 's,^/usr/,,')
PLUGINDIR ?= $(if $(or $(PREFIX),$(DESTDIR),$(filter 0,$(shell id -u))),$(LIBDIR)/gstreamer-1.0,$(or $(XDG_DATA_HOME),$(HOME)/.local/share)/gstreamer-1.0/plugins)

.PHONY: help setup setup-test setup-test-plugin build demo live test test-plugin test-debian13 soak lint bench gpu-check gpu-kit deb deb-check install uninstall clean

help: ## Shows this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 15

setup: ## Installs what is missing (Debian, Ubuntu) and fetches ONNX Runtime and the demo's picture
	@scripts/setup

setup-test: setup
	@scripts/setup --test

setup-test-plugin: setup
	@scripts/setup --test-plugin

build: setup ## Builds the plugin, the trainer and the examples
	$(BUILD)

demo: setup ## Runs the three elements on a video with faces and says where the result lies
	$(BUILD)
	@scripts/make-demo-clip
	@mkdir -p $(OUT)
	@clip=.fer/media/people.mkv; test -e $$clip || clip=.fer/media/demo.mkv; \
	$(RUN) $(TARGET)/release/fer-annotate $$clip --output $(OUT)/demo.mp4 --still $(OUT)/still.png --records $(OUT)/faces.jsonl
	@echo "open $(OUT)/demo.mp4 in a browser or player, $(OUT)/still.png in a viewer; $(OUT)/faces.jsonl has a line a frame"

live: setup ## Shows the webcam with every face's expression
	$(BUILD)
	$(RUN) GST_PLUGIN_PATH=$(TARGET)/release gst-launch-1.0 autovideosrc ! videoconvert ! ferfacedetect ! ferclassify ! feroverlay ! videoconvert ! autovideosink sync=false

test: setup-test ## Runs all tests; those that need what this machine lacks are named
	@scripts/make-demo-clip
	$(RUN_TESTS) $(CARGO) test $(PROFILE) --workspace $(ALL_FEATURES)

test-plugin: setup-test-plugin ## Runs the tests of the plugin alone
	@scripts/make-demo-clip
	$(RUN_TESTS) $(CARGO) test $(PROFILE) --package gst-plugin-fer $(FEATURES) $(if $(ANALYTICS),--features=$(ANALYTICS))
	$(CARGO) clippy $(PROFILE) --package gst-plugin-fer --all-targets $(FEATURES) $(if $(ANALYTICS),--features=$(ANALYTICS)) -- -D warnings

test-debian13: ## Runs them in Debian 13, whose GStreamer has analytics metadata (as root)
	@scripts/debian13 make test-plugin

soak: setup-test ## Runs half an hour of video through the elements as fast as it goes, and watches the memory
	@scripts/make-demo-clip
	$(RUN) FER_SOAK_FRAMES=54000 $(CARGO) test $(PROFILE) --workspace $(ALL_FEATURES) --test soak -- --nocapture

lint: ## Checks formatting and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(PROFILE) --workspace --all-targets $(ALL_FEATURES) -- -D warnings

bench: setup ## Measures speed beside named peers on this machine
	$(RUN) scripts/bench

gpu-check: setup-test ## Checks and measures TensorRT on this machine's NVIDIA card
	@scripts/gpu-check

deb: build ## Packs Debian packages for this release into out/deb
	@scripts/setup --deb
	scripts/deb

deb-check: ## Installs the packages in out/deb in fresh roots of Debian 12 and 13 and removes them (as root)
	for release in bookworm:12 trixie:13; do scripts/deb-check $${release%:*} out/deb/*_$(VERSION)-1~debian$${release#*:}_*.deb || exit 1; done

gpu-kit: setup-test ## Packs those checks into out/gpu-kit, for a machine with a card and no network
	@scripts/gpu-kit

install: ## Installs the plugin (DESTDIR, PREFIX; without root into your home)
	$(BUILD)
	install -d "$(DESTDIR)$(PLUGINDIR)"
	install -s -m 755 $(TARGET)/release/libgstfer.so "$(DESTDIR)$(PLUGINDIR)/"

uninstall: ## Removes what `make install` put there
	rm -f "$(DESTDIR)$(PLUGINDIR)/libgstfer.so"

clean: ## Removes what was built, fetched and written
	$(CARGO) clean
	rm -rf .fer out
