"""What `against_peers.py` measures, and the peers it measures against: a module for each."""
