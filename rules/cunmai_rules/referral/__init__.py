"""Referral: handing a resident up to somebody who takes them, or says why not, and back down again."""
