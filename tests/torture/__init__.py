"""Rounds of kills, damage, full disks and lost workers on small real builds."""
