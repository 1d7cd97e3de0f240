"""The verbs of inquiries: taken in, worked on, answered, closed, and erased when their life is over."""
