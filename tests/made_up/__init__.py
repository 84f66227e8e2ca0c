"""What tests of several files share: made-up studies, configurations, networks and curves."""
