"""What `trialbox bench` does: yardsticks and the service's own paths, measured in turns, reported as ratios."""
