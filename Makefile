# Thin: each target's work is in commands/, which base/bootstrap.py runs in the project's own virtual environment.
RUN := python3 -m base.bootstrap
STACK ?= dev

.PHONY: up verify recover rotate adopt graph down env stack test bench bench-quick machine-test lint tools packages workspace-image operator lock reset clean

up down env lint tools packages workspace-image reset clean:
	@$(RUN) $@

verify recover rotate adopt:
	@$(RUN) $@ --stack $(STACK)

graph:
	@$(RUN) $@ --stack $(STACK) $(if $(OUT),--out $(OUT))

stack:
	@$(RUN) stack --name "$(NAME)" --region "$(REGION)" --share "$(SHARE)" $(if $(REAL),--real)

test:
	@$(RUN) test $(TESTS)

bench bench-quick:
	@$(RUN) $@ $(BENCHES)

operator:
	@OPERATOR="$(OPERATOR)" OPERATOR_CRDS="$(OPERATOR_CRDS)" $(RUN) operator $(if $(IF_AVAILABLE),--if-available)

lock:
	@$(RUN) lock $(if $(UPGRADE),--upgrade)

machine-test:
	@$(RUN) machine-test $(MACHINES)
