"""What Gradescope's *Export submissions* says of four groups of students."""

# The form of Gradescope's export, as public programs read it.
METADATA = """\
submission_409194023:
  :submitters:
  - :name: Solo Student
    :sid: 0100
    :email: solo@example.edu
  :created_at: 2026-09-21 18:04:11.123456000 Z
  :score: 7.5
  :status: processed
  :results:
    tests:
    - name: 1.1) mask
      score: 1.0
      max_score: 1.0
  :history: []
submission_409194024:
  :submitters:
  - :name: Pair One
    :sid: '200'
    :email: one@example.edu
  - :name: Pair Two
    :sid: 201
    :email: two@example.edu
  :score: 3.0
submission_409194025:
  :submitters:
  - :name: ~
  - [no, mapping]
submission_409194026:
  :submitters:
  - :name: Gone Away
    :sid: '300'
"""
