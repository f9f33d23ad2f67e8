"""Schedules from a seed: commands, faults and the order of everything at random; then nothing may have been lost."""
