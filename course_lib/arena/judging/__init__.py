"""From a judge's verdicts to scores: rules, intervals, agreement with people, style control."""
