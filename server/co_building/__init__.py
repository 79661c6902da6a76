"""What units and communities do together after the units have checked in 共建."""
