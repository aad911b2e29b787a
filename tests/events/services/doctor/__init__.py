"""Tests of the doctor: each planted fault is found by its check, and by no other."""
