"""What is allowed and what happens after a failure: pure state, time passed in."""
