"""What each arm does with a SubTask, one module per arm: a place to work at in, a result out."""
