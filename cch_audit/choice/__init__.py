"""The choice among the teachers of one student."""
