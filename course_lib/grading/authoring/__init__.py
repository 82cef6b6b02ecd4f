"""From one source file a lab to notebooks, bundles and a table of expected values."""
