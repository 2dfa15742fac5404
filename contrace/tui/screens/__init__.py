"""One screen per file; ``contrace.tui.app`` lists them."""
