"""What every request passes, whatever it asks for; knows no app."""
