"""The queue is ordered by what runs out next, over the whole table; a reference names nobody by itself."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('data_requests', '0012_what_a_client_answered_stands'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='lettertemplate',
            options={
                'default_permissions': ('view',), 'ordering': ['code', '-number'],
                'permissions': [('write_lettertemplate', 'Can write a new version of a letter')],
            },
        ),
        migrations.RemoveIndex(
            model_name='datarequest',
            name='request_by_due',
        ),
        migrations.AlterField(
            model_name='datarequest',
            name='person_reference',
            field=models.CharField(blank=True, editable=False, help_text='Names nobody by itself.', max_length=20, verbose_name='person'),
        ),
        migrations.AddIndex(
            model_name='datarequest',
            index=models.Index(fields=['due_at', '-id'], name='request_by_due'),
        ),
    ]
