"""Transform jobs: started once, attached to ever after, watched, and stopped by their owner."""
