"""Everything that talks to a model goes through here: questions, answers, the gateway.

What a question says belongs to the agent that asks it; nothing here knows about plans or edits.
"""
