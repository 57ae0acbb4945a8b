//! What an operator asks for, one by one: what it does, and why it is refused.
