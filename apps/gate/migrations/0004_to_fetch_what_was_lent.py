"""Address books and calendars that people lent us are fetched from where they lie: a contact of its own."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gate', '0003_fewer_indexes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='permit',
            name='why',
            field=models.CharField(blank=True, choices=[('read_back', 'to read back what is there'), ('look', 'to see whether it is there'), ('removal', 'to remove or return what is there'), ('try_out', 'to try a place with a test object'), ('fetch', 'to fetch what a person lent us')], max_length=10, verbose_name='contact'),
        ),
    ]
