"""Studies: every pair of representations, over files and label sets, wherever they are computed.

A study is a plan of tasks. A task is a pair of representations of one file, audited in both
directions and for all label sets that are asked for, so that I(A; B), which knows no direction, is
measured once; or, before them, the part that all teachers of a student share. What a task finds
depends on the rows, the settings and the seed alone: every random stream is named by what it is
for, and those of I(A; B) by both names in one order. So the audit of a pair is the one that `check`
makes of this teacher and this student, and the one of `rank` where all representations have the
same rows, bit for bit, whatever computes it: threads, processes, or the workers of a Dask cluster.

On predictions a head of the teacher and one of the student are cut into different folds, so that
the two directions of a pair are two informations there, and both are measured.
"""
