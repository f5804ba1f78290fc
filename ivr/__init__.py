"""The dialogue: hotlines and flows as data, the compiler that proves a flow, the machine that runs it."""
