"""What every request passes; knows no app."""
