"""A parked mail may be tried again by who has the permission; indexes for the lists and for emptying."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mail', '0001_initial'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='outgoingmail',
            options={'ordering': ['-id'], 'permissions': [('retry_outgoingmail', 'Can queue a parked mail again')], 'verbose_name': 'outgoing mail', 'verbose_name_plural': 'outgoing mail'},
        ),
        migrations.AddIndex(
            model_name='outgoingmail',
            index=models.Index(fields=['about'], name='mail_by_about'),
        ),
        migrations.AddIndex(
            model_name='outgoingmail',
            index=models.Index(fields=['state', '-id'], name='mail_by_state'),
        ),
        migrations.AddIndex(
            model_name='outgoingmail',
            index=models.Index(condition=models.Q(('emptied_at__isnull', True)), fields=['next_try_at'], name='mail_to_empty'),
        ),
    ]
