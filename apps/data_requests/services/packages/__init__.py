"""What a person is handed: collected holding by holding (`collecting`), made (`making`), delivered once (`delivering`), destroyed (`ending`)."""
