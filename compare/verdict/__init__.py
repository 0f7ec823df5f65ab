"""What agreement is worth; explains nothing."""
